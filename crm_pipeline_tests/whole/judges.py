"""stub"""
from crm_pipeline_tests.whole.world import World
def judge(world: World) -> list[str]:
    return list(world.crew.broken)
