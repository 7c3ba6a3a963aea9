"""The documentation as a site. `pages` collects what is on it, `reference` makes what comes from the code.

``python -m site_build FOLDER`` collects them; mkdocs.yml says how they are shown.
"""
