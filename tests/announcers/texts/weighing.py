"""X's weighted length of a text and the links in it, by a port of X's own library."""

import warnings

with warnings.catch_warnings():
    # The port reads its data through pkg_resources, which warns of its age whenever it is imported.
    warnings.simplefilter("ignore")
    from twitter_text import extract_urls, parse_tweet


def weighted_length(text: str) -> int:
    """Return how many of X's 280 units a text takes."""
    return int(parse_tweet(text).weightedLength)


def links(text: str) -> list[str]:
    """Return everything that X would make a link of."""
    return list(extract_urls(text))
