from ._version import __version__ as __version__
from .errors import SdaError as SdaError
from .inference.config import GenerationConfig as GenerationConfig
from .inference.generation import GenerationPipeline as GenerationPipeline
from .inference.results import GenerationResult as GenerationResult
