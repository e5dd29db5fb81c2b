"""Settings of the project, one file a topic."""

from config.settings.admin import *
from config.settings.apps import *
from config.settings.cache import *
from config.settings.collector import *
from config.settings.database import *
from config.settings.logs import *
from config.settings.mail import *
from config.settings.oauth import *
from config.settings.queue import *
from config.settings.rest import *
from config.settings.security import *
from config.settings.static import *
