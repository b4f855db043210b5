module callrec

go 1.26
