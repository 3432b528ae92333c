"""Addresses of the peer's server: lists of cells and blocks, behind the same tokens and throttle."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from rest_framework.generics import ListAPIView

from tests.bench.peer import BenchBlock, BenchCell, BlockSerializer, CellSerializer


class CellsView(ListAPIView[Any]):
    """A page of active cells."""

    serializer_class = CellSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Any]:
        """The first ones."""
        limit = int(self.request.query_params["limit"])
        return BenchCell._default_manager.filter(state="active").order_by("id")[:limit]


class BlocksView(ListAPIView[Any]):
    """A page of blocks."""

    serializer_class = BlockSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Any]:
        """The first ones."""
        return BenchBlock._default_manager.order_by("id")[: int(self.request.query_params["limit"])]


urlpatterns = [path("cells", CellsView.as_view()), path("blocks", BlocksView.as_view())]
