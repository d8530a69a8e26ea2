"""For all tests: the machine may be busy, so how long one example takes says nothing."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
