//go:build !unix

package termview

import "os"

func terminalWidth(*os.File) int { return 0 }
