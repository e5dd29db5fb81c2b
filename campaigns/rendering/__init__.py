"""From a decided content to the bytes of a mail: HTML, text, links, headers, MIME."""
