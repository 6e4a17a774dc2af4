"""Pictures as inline SVG, without scripts or outside files. Colours come from the page's style sheet, by class.

Every text goes through `Markup.format`, which escapes it. Bars and interval lines are drawn in percent of their place, so that
they stretch with the page while all letters around them keep their size; charts keep their shape.
"""
