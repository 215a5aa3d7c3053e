package password

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxRange bounds the answer in bytes. A padded one has some 40,000.
const maxRange = 1 << 20

// RangeAPI asks a service that speaks the range protocol of Pwned Passwords how
// often a password was seen in breaches. The service learns only the first 20
// bits of the password's SHA-1, which hundreds of passwords share
// (k-anonymity), and the length of its answer tells a listener nothing.
type RangeAPI struct {
	// Host is a host name, with a port if need be; it is spoken to by HTTPS.
	Host   string
	Client *http.Client
	// Timeout is how long a person waits for the answer; one second if zero.
	Timeout time.Duration
}

// Breaches gives the number of times that a password was seen, 0 if never. The
// error says nothing about the password.
func (r *RangeAPI) Breaches(ctx context.Context, password string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(r.Timeout, time.Second))
	defer cancel()
	sum := sha1.Sum([]byte(password))
	digest := strings.ToUpper(hex.EncodeToString(sum[:]))

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+r.Host+"/range/"+digest[:5], nil)
	if err != nil {
		return 0, fmt.Errorf("breach service: %w", withoutURL(err))
	}
	request.Header.Set("Add-Padding", "true")
	request.Header.Set("User-Agent", "zelus")
	response, err := r.Client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("breach service: %w", withoutURL(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("breach service: it answered with status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRange+1))
	if err != nil {
		return 0, fmt.Errorf("breach service: reading the answer: %w", err)
	}
	if len(body) > maxRange {
		return 0, fmt.Errorf("breach service: the answer is longer than %d bytes", maxRange)
	}
	return find(body, digest[5:])
}

// find looks for a suffix in lines of SUFFIX:COUNT. A line without count has
// been seen once; a count of 0 is padding.
func find(lines []byte, suffix string) (int, error) {
	for line := range bytes.Lines(lines) {
		found, count, hasCount := strings.Cut(strings.TrimSpace(string(line)), ":")
		if !strings.EqualFold(found, suffix) {
			continue
		}
		if !hasCount {
			return 1, nil
		}
		n, err := strconv.ParseUint(count, 10, 31)
		if err != nil {
			return 0, errors.New("breach service: the answer has a count that is not a number")
		}
		return int(n), nil
	}
	return 0, nil
}

// withoutURL gives the cause of a client's error. The URL, which the error has
// too, contains a part of the password's digest and must not come into a log.
func withoutURL(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}
