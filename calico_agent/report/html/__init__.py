"""The page in a browser, from one report and what happened lately: HTML as text, with all that is needed to show it."""
