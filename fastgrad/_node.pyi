from typing_extensions import disjoint_base

@disjoint_base
class Handle: ...

@disjoint_base
class Node: ...
