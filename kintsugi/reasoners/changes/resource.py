from kintsugi.reasoners.matching import NotSure
def plan(facts, recipe):
    raise NotSure("not yet")
