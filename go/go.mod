module github.com/batchline/batchline/go

go 1.24
