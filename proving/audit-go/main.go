// A second verifier of the audit log that shares nothing with the first: another language, and the tree, proofs and
// notes of golang.org/x/mod. Checks the signed note, the tree over every record, the tiles, the consistency with older
// notes, and proofs.
//
//	audit-go <directory of the log> <vkey> [old.note | record.tlog-proof]...
//
// Exit 0 good, 1 not, 2 cannot decide. Debian: golang-go, golang-golang-x-mod-dev.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func end(code int, format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(code)
}

type head struct {
	size int64
	root tlog.Hash
}

// The log's signed head: origin, size, root.
func openNote(text []byte, verifier note.Verifier) head {
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		end(1, "note: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		end(1, "note: not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		end(1, "note: size: %v", err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		end(1, "note: root: %v", err)
	}
	return head{size, root}
}

// Every record's line, in order.
func readRecords(dir string, each func(line []byte)) {
	names, _ := filepath.Glob(filepath.Join(dir, "seg", "*.ndjson"))
	sort.Strings(names)
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			end(2, "%v", err)
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(make([]byte, 1<<20), 1<<20)
		for lines.Scan() {
			each(lines.Bytes())
		}
		file.Close()
	}
}

// tile/<L>/<N>, N in elements of three digits, all but the last after an x.
func tilePath(dir string, level, index int64) string {
	path := fmt.Sprintf("%03d", index%1000)
	for index >= 1000 {
		index /= 1000
		path = fmt.Sprintf("x%03d/%s", index%1000, path)
	}
	return filepath.Join(dir, "tile", fmt.Sprint(level), path)
}

func checkTiles(dir string, size int64, hashes tlog.HashReader) int {
	checked := 0
	for level, width := int64(0), size; width >= 256; level, width = level+1, width/256 {
		for index := int64(0); index < width/256; index++ {
			stored, err := os.ReadFile(tilePath(dir, level, index))
			if err != nil {
				continue // tiles are written behind the log
			}
			want, err := tlog.ReadTileData(tlog.Tile{H: 8, L: int(level), N: index, W: 256}, hashes)
			if err != nil || !bytes.Equal(stored, want) {
				end(1, "tile %d/%d is wrong", level, index)
			}
			checked++
		}
	}
	return checked
}

// c2sp.org/tlog-proof with the record in the extra line.
func checkProof(text []byte, verifier note.Verifier) {
	front, signed, _ := strings.Cut(string(text), "\n\n")
	lines := strings.Split(front, "\n")
	if len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		end(2, "proof: malformed")
	}
	record, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		end(2, "proof: %v", err)
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		end(2, "proof: %v", err)
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			end(2, "proof: %v", err)
		}
		path = append(path, hash)
	}
	tree := openNote([]byte(signed), verifier)
	if err := tlog.CheckRecord(path, tree.size, tree.root, index, tlog.RecordHash(record)); err != nil {
		end(1, "proof: %v", err)
	}
}

func main() {
	if len(os.Args) < 3 {
		end(2, "audit-go <directory> <vkey> [note | proof]...")
	}
	dir := os.Args[1]
	verifier, err := note.NewVerifier(strings.TrimSpace(os.Args[2]))
	if err != nil {
		end(2, "vkey: %v", err)
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			if index >= int64(len(stored)) {
				return nil, fmt.Errorf("no hash %d", index)
			}
			found[i] = stored[index]
		}
		return found, nil
	})
	records := int64(0)
	readRecords(dir, func(line []byte) {
		more, err := tlog.StoredHashes(records, line, reader)
		if err != nil {
			end(1, "record %d: %v", records, err)
		}
		stored = append(stored, more...)
		records++
	})
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		end(2, "%v", err)
	}
	newest := openNote(text, verifier)
	checkHead(newest, records, reader)
	for _, name := range os.Args[3:] {
		text, err := os.ReadFile(name)
		if err != nil {
			end(2, "%v", err)
		}
		if bytes.HasPrefix(text, []byte("c2sp.org/tlog-proof")) {
			checkProof(text, verifier)
			continue
		}
		old := openNote(text, verifier)
		checkHead(old, records, reader)
		checkGrowth(old, newest, reader)
	}
	tiles := checkTiles(dir, newest.size, reader)
	end(0, "good: %d records, signed at %d, %d tiles", records, newest.size, tiles)
}

func checkHead(signed head, records int64, reader tlog.HashReader) {
	if signed.size > records {
		end(1, "signed at %d, the log has %d records", signed.size, records)
	}
	root, err := tlog.TreeHash(signed.size, reader)
	if err != nil || root != signed.root {
		end(1, "another root at %d", signed.size)
	}
}

func checkGrowth(old, newest head, reader tlog.HashReader) {
	if old.size == 0 || old.size > newest.size {
		end(1, "the note at %d is not older than %d", old.size, newest.size)
	}
	proof, err := tlog.ProveTree(newest.size, old.size, reader)
	if err != nil {
		end(1, "%v", err)
	}
	if err := tlog.CheckTree(proof, newest.size, newest.root, old.size, old.root); err != nil {
		end(1, "%v", err)
	}
}
