"""What the configuration of the MTA says of what is local (`mta`), added to what was set here."""

from relaymilter.config.problems import Problems, Value
from relaymilter.mta.registry import read_mta


def add_found(values: dict[str, list[Value]], problems: Problems) -> None:
    """Each setting that is found goes to the values of its option; remarks become warnings."""
    for mta in values.get("mta", [])[-1:]:
        try:
            found = read_mta(mta.text)
        except ValueError as error:
            problems.error(mta.place, str(error))
            continue
        for setting in found.settings:
            added = Value(setting.text, setting.place, setting.subdomains)
            values[setting.key] = [*values.get(setting.key, []), added]
        for remark in found.remarks:
            problems.warn(remark.place, remark.text)
