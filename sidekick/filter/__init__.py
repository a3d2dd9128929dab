from sidekick.filter.condition import Explanation, Filter, compile_filter, field_reader
from sidekick.filter.error import FilterError

__all__ = ["Explanation", "Filter", "FilterError", "compile_filter", "field_reader"]
