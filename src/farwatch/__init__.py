"""farwatch: radar plots, ADS-B and multilateration in, one honest live air picture out."""
