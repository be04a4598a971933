// gvisor-client: sockets over wireguard-go with gVisor's TCP/IP stack, for `bench sockets`.
//
// It does with gVisor what src/sockets/client-child.ts does with Litz. Its answer is JSON with the
// same keys. It is called with one argument:
//
//	gvisor-client SETTINGS
//
// SETTINGS is the JSON of ClientSettings. The key `uapi` names a file with a request for the UAPI.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun/netstack"
)

type settings struct {
	Mode        string  `json:"mode"`
	Uapi        string  `json:"uapi"`
	Address     string  `json:"address"`
	Target      string  `json:"target"`
	Seconds     float64 `json:"seconds"`
	Connections int     `json:"connections"`
}

type answer struct {
	Amount     float64 `json:"amount"`
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpuSeconds"`
	PeakMB     float64 `json:"peakMb"`
}

const (
	streamPort = 9000
	webPort    = 9001
	holdPort   = 9002
	countPort  = 9003
	warmUp     = 2 * time.Second
)

var (
	chosen settings
	stack  *netstack.Net
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func dial(port int) net.Conn {
	c, err := stack.Dial("tcp", net.JoinHostPort(chosen.Target, strconv.Itoa(port)))
	check(err)
	return c
}

func cpu() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}

func window() time.Duration { return time.Duration(chosen.Seconds * float64(time.Second)) }

// measured waits until the warm-up is over, and then for the length of the window. It returns by
// how much a counter grew during the window, and how much CPU time this process used during it.
func measured(count func() (float64, float64)) answer {
	time.Sleep(warmUp)
	amount, at := count()
	used := cpu()
	time.Sleep(window())
	last, end := count()
	return answer{Amount: last - amount, Seconds: end - at, CPUSeconds: cpu() - used}
}

func local(counter *atomic.Int64) func() (float64, float64) {
	begin := time.Now()
	return func() (float64, float64) { return float64(counter.Load()), time.Since(begin).Seconds() }
}

// arrived asks the server how many bytes it has received. It returns this number, and the time in
// seconds that the server's clock showed.
func arrived() (float64, float64) {
	c := dial(countPort)
	defer c.Close()
	text, err := io.ReadAll(c)
	check(err)
	var count, seconds float64
	_, err = fmt.Sscan(string(text), &count, &seconds)
	check(err)
	return count, seconds
}

func down() answer {
	var total atomic.Int64
	c := dial(streamPort)
	_, err := c.Write([]byte("d"))
	check(err)
	go func() {
		buffer := make([]byte, 1<<18)
		for {
			n, err := c.Read(buffer)
			total.Add(int64(n))
			if err != nil {
				return
			}
		}
	}()
	return measured(local(&total))
}

func up() answer {
	for range chosen.Connections {
		c := dial(streamPort)
		_, err := c.Write([]byte("u"))
		check(err)
		go func() {
			buffer := make([]byte, 1<<18)
			for {
				if _, err := c.Write(buffer); err != nil {
					return
				}
			}
		}()
	}
	return measured(arrived)
}

func web() answer {
	var requests atomic.Int64
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return stack.DialContext(ctx, network, address)
		},
		MaxIdleConnsPerHost: chosen.Connections,
	}
	client := &http.Client{Transport: transport}
	url := fmt.Sprintf("http://%s:%d/", chosen.Target, webPort)
	for range chosen.Connections {
		go func() {
			for {
				response, err := client.Get(url)
				check(err)
				_, err = io.Copy(io.Discard, response.Body)
				check(err)
				response.Body.Close()
				requests.Add(1)
			}
		}()
	}
	return measured(local(&requests))
}

func churn() answer {
	var opened atomic.Int64
	for range chosen.Connections {
		go func() {
			one := make([]byte, 1)
			for {
				c := dial(holdPort)
				c.(interface{ CloseWrite() error }).CloseWrite()
				c.Read(one)
				c.Close()
				opened.Add(1)
			}
		}()
	}
	return measured(local(&opened))
}

// idle opens all connections. It returns by how many bytes the resident memory has grown.
func idle() answer {
	held := []net.Conn{dial(holdPort)}
	before := resident()
	var lock sync.Mutex
	var group sync.WaitGroup
	for worker := range 64 {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := worker; i < chosen.Connections; i += 64 {
				c := dial(holdPort)
				lock.Lock()
				held = append(held, c)
				lock.Unlock()
			}
		}()
	}
	group.Wait()
	time.Sleep(warmUp)
	grown := resident() - before
	runtime.KeepAlive(held)
	return answer{Amount: grown, Seconds: 1}
}

func resident() float64 {
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	check(err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	check(err)
	return float64(pages * os.Getpagesize())
}

func main() {
	check(json.Unmarshal([]byte(os.Args[1]), &chosen))
	request, err := os.ReadFile(chosen.Uapi)
	check(err)
	tun, made, err := netstack.CreateNetTUN([]netip.Addr{netip.MustParseAddr(chosen.Address)}, nil, 1420)
	check(err)
	stack = made
	d := device.NewDevice(tun, conn.NewDefaultBind(), device.NewLogger(device.LogLevelError, ""))
	check(d.IpcSet(string(request)))
	check(d.Up())
	modes := map[string]func() answer{"down": down, "up": up, "http": web, "churn": churn, "idle": idle}
	result := modes[chosen.Mode]()
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	result.PeakMB = float64(usage.Maxrss) * 1024 / 1e6
	check(json.NewEncoder(os.Stdout).Encode(result))
}
