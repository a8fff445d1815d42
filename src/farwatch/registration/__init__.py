"""Registration: the sensors' systematic errors, found by comparing what they say of the same aircraft."""

from farwatch.registration.options import Priors, RegistrationOptions
from farwatch.registration.registrar import Registrar
from farwatch.registration.tracker import RegisteredTracker

__all__ = ["Priors", "RegisteredTracker", "Registrar", "RegistrationOptions"]
