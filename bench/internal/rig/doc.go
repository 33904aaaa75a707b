// Package rig starts what several programs of bench measure against: halls of
// package server in this process and in one of its own, and a nats-server.
package rig
