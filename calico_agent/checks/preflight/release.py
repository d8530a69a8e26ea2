"""Which release of Calico this host runs, or is to run."""

from calico_agent.expected.view import View
from calico_agent.model.calico.release import Release, calico_in, release_in


def running_release(view: View) -> Release | None:
    """Return by the image of the container that is there; without one, of that which the agent would make."""
    return _first(_image_here(view), _image_to_come(view)) or _of_cluster(view)


def coming_release(view: View) -> Release | None:
    """Return by the image of the container that the agent wants; where it wants none, of that which is there."""
    return _first(_image_to_come(view), _image_here(view)) or _of_cluster(view)


def _of_cluster(view: View) -> Release | None:
    """Where no image tells, as where another runtime than Docker runs it: of Calico 2.x the datastore says no more."""
    if view.cluster is None:
        return None
    datastore = view.cluster.datastore
    return (2, 0) if datastore.is_of_calico_2 else release_in(datastore.calico_version)


def _first(*images: str) -> Release | None:
    return next((calico_in(image) for image in images if image), None)


def _image_here(view: View) -> str:
    return view.local.container.image if view.local.container is not None else ""


def _image_to_come(view: View) -> str:
    spec = view.supervising.spec if view.supervising is not None else None
    return spec.image if spec is not None else ""
