"""Reading a picture back."""

from xml.etree import ElementTree


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(str(picture))


def of(picture: ElementTree.Element, tag: str, kind: str) -> list[ElementTree.Element]:
    return [element for element in picture.iter(tag) if kind in element.get("class", "").split()]


def number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}"


def places(elements: list[ElementTree.Element], name: str) -> list[float]:
    return [float(element.get(name, "")) for element in elements]
