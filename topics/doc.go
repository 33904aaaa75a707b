// Package topics knows the grammar of topics and who listens to what. It knows
// nothing of messages, sockets and connections.
//
// # Topics
//
// Each event has a topic, <namespace>::<name>. The namespace is a module or an
// orc name:
//
//	greathall::heartbeat
//	Grom@0123456789abcdef0123456789abcdef::warehouse.get.<id of a command>.finished
//	warehouse::desk@1.changed.<line>
//
// [CheckTopic] tells whether a topic can be published. A topic without "::" is
// relative: [Expand] puts one's own orc name in front of it.
//
// # Patterns
//
// One subscribes with a pattern, which must match all of the topic:
//
//	text      itself
//	*         one character or more, of any kind but line breaks
//	(a|b)     one of several texts
//
// That is what services use. The reference client makes a regular expression of
// each pattern in a particular way (protocol §6.1), and [Compile] follows it to
// the letter:
//
//   - Outside of groups everything but "*" is literal: "a|b", "a+", "[a]", "()".
//   - From the first "(" to the last ")" of a pattern everything is a raw
//     regular expression without backslashes: "*" repeats, "." is any
//     character, "[…]" is a class. So in "(a|b)::x.(c|d)" the dot is any
//     character; write "(a|b)::x.c" and "(a|b)::x.d" to mean a dot.
//   - A character beyond U+FFFF counts as two, and a dot or a star can take
//     one of them.
//
// Patterns of texts, stars and plain groups are matched part by part, in a few
// nanoseconds and in time linear in the topic. Others are left to package
// regexp, rewritten so that they mean what they mean in JavaScript; their time
// is bounded by the length of the topic times that of the pattern. What package
// regexp cannot do (looking ahead and behind) and what is no regular expression
// in JavaScript either is a [*PatternError] that says what to write instead.
//
// A pattern has [MaxPattern] bytes at most; a topic of more than [MaxTopic]
// bytes matches nothing.
//
// # Ids
//
// The reference files each pattern under one id, its [Key], and only tries it
// on topics that have this id among their [IDs] (protocol §6.2). Therefore it
// misses some topics that match, as "demo::a@b" for "demo::(a@b|c@d)". A
// [Router] delivers them; with the option [Compat] it misses them as well.
//
// # Who listens
//
// A [Router] holds subscribers by pattern and finds those that listen to a
// topic, at a cost that does not depend on how many others there are, as long
// as their patterns have a word of their own: a namespace, an id, a line.
// What it promises:
//
//   - Identical patterns share one entry, which is matched once. Each
//     subscription is removed for itself, and removing it again does nothing;
//     nobody can remove a subscription that is not his.
//   - Subscribers come in the order of the reference: those with the most
//     specific key first, then in order of subscription; each subscription once.
//   - A lookup allocates nothing, whether it hits or misses.
//   - All methods may run at the same time. A subscription is found by every
//     lookup that begins after Add has returned, and by none that begins after
//     Remove has.
//
// # Templates
//
// A [Template] is a topic with named places, "thermo::{room}.changed": it
// subscribes, builds topics and takes them apart.
package topics
