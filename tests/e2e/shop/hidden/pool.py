from concurrent.futures import ThreadPoolExecutor

from shop import catalog


def test_as_many_visitors_as_usual_find_a_connection(api):
    with ThreadPoolExecutor(12) as visitors:
        pages = list(visitors.map(catalog.listing, [1, 2, 3] * 4))
    assert len(pages) == 12
