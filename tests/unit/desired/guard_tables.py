"""All that the guards must say."""

from tests.unit.desired.guard_documents import DOCUMENTS, MESSAGES
from tests.unit.desired.guard_numbers import NUMBERS, PERCENTAGES
from tests.unit.desired.guard_people import PEOPLE, PER_USER, PROTECTED, PUSH, REPLACED, UNUSABLE_REPLACEMENTS

CASES = (
    *NUMBERS,
    *PERCENTAGES,
    *MESSAGES,
    *DOCUMENTS,
    *PROTECTED,
    *PER_USER,
    *PEOPLE,
    *UNUSABLE_REPLACEMENTS,
    *REPLACED,
    *PUSH,
)
