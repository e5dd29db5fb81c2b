"""Files and row streams come in: customers, products, events; a second run changes nothing."""
