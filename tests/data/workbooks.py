"""Excel files written by hand, as Excel writes them: what openpyxl cannot write (shared texts, stored results, errors)."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
CONTENT = "http://schemas.openxmlformats.org/package/2006/content-types"
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="dd\\/mm\\/yyyy\\ hh:mm"/></numFmts>'
    '<cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="9"/></cellXfs></styleSheet>'
)
"""Style 0: general, 1: a built-in date, 2: a date and time of one's own, 3: per cent."""


def cell(address: str, xml: str, **attributes: str) -> str:
    """`<c r="B2" t="s"><v>0</v></c>`."""
    rest = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    return f'<c r="{address}"{rest}>{xml}</c>'


def text(address: str, value: str) -> str:
    """A text in the cell itself."""
    return cell(address, f'<is><t xml:space="preserve">{escape(value)}</t></is>', t="inlineStr")


def sheet(rows: Mapping[int, Sequence[str]], *, merged: Sequence[str] = (), namespace: str = MAIN) -> str:
    """A worksheet of rows, by their numbers."""
    inside = "".join(f'<row r="{number}">{"".join(cells)}</row>' for number, cells in rows.items())
    ranges = "".join(f'<mergeCell ref="{each}"/>' for each in merged)
    tail = f'<mergeCells count="{len(merged)}">{ranges}</mergeCells>' if merged else ""
    data = f'<dimension ref="A1"/><sheetData>{inside}</sheetData>{tail}'  # a dimension that is wrong, as some have it
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<worksheet xmlns="{namespace}">{data}</worksheet>'


def workbook(
    path: Path,
    sheets: Mapping[str, str],
    *,
    shared: Sequence[str] = (),
    hidden: Sequence[str] = (),
    date1904: bool = False,
    namespace: str = MAIN,
) -> Path:
    """Write the file: sheets by name as XML, and shared texts as the XML inside their `<si>`."""
    listed, targets = "", ""
    for number, name in enumerate(sheets, 1):
        state = ' state="hidden"' if name in hidden else ""
        listed += f'<sheet name={quoteattr(name)} sheetId="{number}"{state} r:id="rId{number}"/>'
        targets += f'<Relationship Id="rId{number}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
    targets += f'<Relationship Id="s" Type="{OFFICE}/styles" Target="/xl/styles.xml"/>'
    targets += f'<Relationship Id="t" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    items = "".join(f"<si>{each}</si>" for each in shared)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        main = f'<Relationship Id="a" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        archive.writestr("_rels/.rels", f'<Relationships xmlns="{RELATIONS}">{main}</Relationships>')
        kinds = {"workbook": "sheet.main", "styles": "styles", "sharedStrings": "sharedStrings"}
        kinds |= {f"worksheets/sheet{number}": "worksheet" for number in range(1, len(sheets) + 1)}
        form = "application/vnd.openxmlformats-officedocument.spreadsheetml."
        types = "".join(
            f'<Override PartName="/xl/{part}.xml" ContentType="{form}{kind}+xml"/>' for part, kind in kinds.items()
        )
        default = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{CONTENT}">{default}{types}</Types>')
        archive.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{RELATIONS}">{targets}</Relationships>')
        epoch = f'<workbookPr date1904="{int(date1904)}"/>'
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{namespace}" xmlns:r="{OFFICE}">{epoch}<sheets>{listed}</sheets></workbook>',
        )
        archive.writestr("xl/styles.xml", STYLES)
        archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{namespace}">{items}</sst>')
        for number, xml in enumerate(sheets.values(), 1):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", xml)
    return path
