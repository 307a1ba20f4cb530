"""How the pages for people look: the name, the logo and the colours. Change them here."""

from markupsafe import Markup

from app.settings import PROJECT_NAME

NAME = PROJECT_NAME
# An inline SVG, before the name. Pages load no image from another host.
LOGO = Markup("")
# For each colour: light, dark. Text on `--accent` is white.
COLOURS = """
:root {
  color-scheme: light dark;
  --accent: light-dark(#1f5fbf, #2b66bd);
  --link: light-dark(#1a56b0, #8fb8f6);
  --text: light-dark(#1c1e21, #e6e8eb);
  --faint: light-dark(#565c64, #a3aab3);
  --page: light-dark(#f5f6f8, #15171a);
  --card: light-dark(#ffffff, #1e2125);
  --line: light-dark(#d5d9de, #3a3f45);
  --field: light-dark(#767d86, #868d96);
  --danger: light-dark(#a4161a, #ff9b9b);
  --success: light-dark(#176b37, #8fe0ab);
  --focus: light-dark(#1f5fbf, #8fb8f6);
}
"""
