// Package peer has the contenders of bench behind two small interfaces, each
// with the settings that suit it best:
//
//	xbus tcp, tls, unix, mem   a client of xbus and a hall of package server
//	gojs tcp, unix             a client of xbus and the real Xcraft server
//	jsgo tcp, unix             the real JS client and a hall of package server
//	js tcp, tls, unix          the real client and the real server
//	nats                       nats.go and an embedded nats-server, TCP
//	zmq                        go-zeromq/zmq4: DEALER and ROUTER, PUB and SUB, TCP
//	redis                      rueidis and the redis-server of the system, TCP
//	raw                        TCP with a length before each message, and nothing else
//
// What is in Go shares this process; Node and redis-server have their own.
//
// All carry the same data, and a call has ended when its caller has the answer
// and has compared it. An event has arrived when it is in the body of a loop over
// the events of its receiver, and no publisher is more than a window ahead of its
// slowest receiver: what is counted has been delivered.
package peer
