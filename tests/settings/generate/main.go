// Writes what yaml.v3, falcosidekick's reader, makes of plain scalars: text, type and value, a line each.
// Run in this folder: go run . > ../scalars.tsv
package main

import (
	"bufio"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

const written = `~ null Null NULL nUll true True TRUE tRUE false False FALSE yes Yes YES no on On off y n t f 1 0
-1 +1 00 007 0777 0o17 0O17 0o8 08 09 0x1F 0X1f 0xg 0b11 0B11 0b2 -0x10 +0b1 1_000 1__0 _1 1_ 0_7 0x_f 12:30 1:2:3
1.0 1. .5 -.5 +.5 . .. ._5 .5_0 1_0.5 1e3 1E3 1e+3 1e-3 1e 1e400 -1e400 1e-400 .e3 .5e1 1.2.3 0.10 010.5
.inf .Inf .INF .iNF -.inf +.inf +.INF .nan .NaN .NAN .Nan inf nan Infinity -inf
9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551615
18446744073709551616 +9223372036854775808 0xffffffffffffffff 0x10000000000000000 -0xffffffffffffffff
0777777777777777777777 01777777777777777777777 02000000000000000000000
2001-01-01 2001-1-1 2001-12-14t21:59:43.10-05:00 2001-12-14T21:59:43Z 10MB 4MiB 30s 1m30s 500ms 0755s 1,000 1%
<<x a+ +a + - -a 1- 1+1 --1 ++1 +-1 0x 0b 0o -0 +0 0.0 -0.0 00.5 0e0 0x1p4 0_ 0b_1 0o_7 192.168.0.1 ::1 0::1`

func main() {
	words := strings.Fields(written)
	random := rand.New(rand.NewSource(1))
	const alphabet = "0011223789_+-.eExXoObBfa:"
	for len(words) < 2000 {
		word := make([]byte, 1+random.Intn(7))
		for at := range word {
			word[at] = alphabet[random.Intn(len(alphabet))]
		}
		words = append(words, string(word))
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	seen := map[string]bool{}
	for _, word := range words {
		var node yaml.Node
		var value any
		if seen[word] || yaml.Unmarshal([]byte("k: "+word), &node) != nil {
			continue
		}
		seen[word] = true
		scalar := node.Content[0].Content[1]
		if scalar.Kind != yaml.ScalarNode || scalar.Value != word || scalar.Decode(&value) != nil {
			continue
		}
		fmt.Fprintf(out, "%s\t%s\n", word, described(value))
	}
}

func described(value any) string {
	switch value := value.(type) {
	case nil:
		return "null\t"
	case float64:
		return "float\t" + strconv.FormatFloat(value, 'g', -1, 64)
	case int, int64, uint64:
		return fmt.Sprintf("int\t%d", value)
	case time.Time:
		return "timestamp\t"
	case bool:
		return fmt.Sprintf("bool\t%t", value)
	default:
		return "text\t"
	}
}
