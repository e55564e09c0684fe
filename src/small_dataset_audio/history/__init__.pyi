from .comparison import Difference as Difference
from .comparison import TakeComparison as TakeComparison
from .comparison import compare_records as compare_records
from .database import HISTORY_FILE as HISTORY_FILE
from .records import STATES as STATES
from .records import HistoryQuery as HistoryQuery
from .records import TakeRecord as TakeRecord
from .store import History as History
