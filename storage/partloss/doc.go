// Package partloss makes sending again work for rows that ClickHouse acknowledged and does not have.
//
// ClickHouse acknowledges an insert when its files are written, not when they are on disk, and it does not notice
// every write that fails on a full disk. What is broken at its next start it sets aside:
//
//	store/ab1/ab1…/
//	├── detached/broken-on-start_20261127_7_7_0   the rows are gone
//	└── deduplication_logs/deduplication_log_1.txt
//	        1	20261127_7_7_0	20261127_<token>    ◀ the token is not: the same insert again adds nothing
//
// Forget adds the line that takes the token back (operation 2), so that the rows are stored when they are sent again,
// and only where they are missing: an insert into several partitions has a token in each.
//
// It works on the files of an engine that does not run. Restarting the engine and sending again are not its business.
package partloss
