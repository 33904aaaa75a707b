package payload_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/xcraft-go/xbus/payload"
)

// Equal keys are one in each of many containers, whether those before had the
// same keys or others.
func TestEqualKeysInManyContainers(t *testing.T) {
	const key, again, one, number, list, twin = 1, 2, 3, 4, 5, 6
	objects := `,"key","key","1",1,[9,1],[9,1]`
	var kinds []string
	var want []int
	add := func(kind, length int, keys ...int) {
		text := fmt.Sprint("[", kind)
		for i, k := range keys {
			text += fmt.Sprintf(",%d,%d", k, -1-i%2) // null, undefined
		}
		kinds, want = append(kinds, text+"]", text+"]"), append(want, length, length)
	}
	for range 2 {
		for _, kind := range []int{7, 10, 5} { // Map, OrderedMap, Map of JavaScript
			add(kind, 2, key, one)
			add(kind, 1, key, again)
			add(kind, 2, one, number)
			add(kind, 1, number, number)
			add(kind, 1, -4, -4)
			add(kind, 2, -3, -4, -3)
		}
		add(0, 2, key, one)    // a plain object
		add(0, 1, one, number) // has names
		add(7, 1, list, twin)
		add(5, 2, list, twin)
		add(0, 2, key, one)
	}
	text := `{"index":0,"objects":[[9`
	for i := range kinds {
		text += fmt.Sprintf(",%d", 7+i)
	}
	v := decode(t, text+"]"+objects+","+strings.Join(kinds, ",")+"]}")
	for i, length := range want {
		if n := v.At(i).Len(); n != length {
			t.Errorf("container %d, %s, has %d entries, want %d", i, kinds[i], n, length)
		}
		alone := decode(t, `{"index":7,"objects":[[9]`+objects+","+kinds[i]+"]}")
		if got := v.At(i); !got.Equal(alone) && kinds[i][1] != '5' { // lists are keys by identity there
			t.Errorf("container %d is %v, alone it is %v", i, got, alone)
		}
	}
}

func TestKeysAreFoundByManyAtOnce(t *testing.T) {
	b := payload.Build(payload.KindMap)
	for i := range 100 {
		b.Set(fmt.Sprint("k", i), i)
	}
	v := decode(t, string(textOf(t, b.Value())))
	done := make(chan int)
	for range 8 {
		go func() {
			sum := 0
			for i := range 100 {
				n, _ := v.Get(fmt.Sprint("k", i)).Int()
				sum += int(n)
			}
			done <- sum
		}()
	}
	for range 8 {
		if sum := <-done; sum != 4950 {
			t.Errorf("sum %d", sum)
		}
	}
}
