module zelus/test/sdk/v0alpha2

go 1.26.0

require (
	github.com/ory/client-go v0.2.0-alpha.60
	github.com/ory/kratos-client-go v0.10.1
)

require (
	github.com/golang/protobuf v1.4.2 // indirect
	golang.org/x/net v0.0.0-20200822124328-c89045814202 // indirect
	golang.org/x/oauth2 v0.0.0-20210323180902-22b0adad7558 // indirect
	google.golang.org/appengine v1.6.6 // indirect
	google.golang.org/protobuf v1.25.0 // indirect
)
