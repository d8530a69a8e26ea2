"""The page in a real browser: Debian's Chromium, driven by Playwright, with axe-core for who does not see or point."""
