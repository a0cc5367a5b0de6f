import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { plainEncodings } from '../../../test/instruments/encodings.ts'
import { TaintOracle } from '../../../test/instruments/taint-oracle.ts'
import { type SecretMatcher, type SecretPattern, secretMatcher } from './matcher.ts'

const MARK = '[redacted:crd_1]'
const SECRET = 'sk-live/4f+Qz"9<é&_=\\8Yw0'
const latin1 = Buffer.from(SECRET, 'latin1')
const matcher = secretMatcher([{ secret: latin1 }], MARK)

function scrub(through: SecretMatcher, ...chunks: Buffer[]): string {
  const stream = through.stream()
  return Buffer.concat([...chunks.map((chunk) => stream.push(chunk)), stream.flush()]).toString('latin1')
}

const scrubText = (pattern: SecretPattern | string, text: string): string => {
  const patterns = typeof pattern === 'string' ? [{ secret: Buffer.from(pattern) }] : [pattern]
  const stream = secretMatcher(patterns, MARK).stream()
  return Buffer.concat([stream.push(Buffer.from(text)), stream.flush()]).toString()
}

/** Where a secret may be echoed. What may stay of base64 are border digits that it shares with other bytes. */
const carriers: Readonly<Record<string, (echo: Buffer) => Buffer>> = {
  body: (echo) => Buffer.concat([Buffer.from('{"echo":"'), echo, Buffer.from('"}\n')]),
  'SSE event': (echo) => Buffer.concat([Buffer.from('event: echo\ndata: '), echo, Buffer.from('\n\n')]),
}

async function assertNoTaint(bytes: Buffer, where: string): Promise<void> {
  const oracle = new TaintOracle()
  oracle.canary('secret', SECRET)
  assert.deepEqual(await oracle.search(bytes, where), [])
}

describe('secretMatcher(), each encoding (D-01)', () => {
  for (const [name, encode] of Object.entries(plainEncodings)) {
    for (const [place, carry] of Object.entries(carriers)) {
      test(`${name} in a ${place}, split at every byte`, async () => {
        const bytes = carry(encode(SECRET))
        const whole = scrub(matcher, bytes)
        await assertNoTaint(Buffer.from(whole, 'latin1'), place)
        assert.equal(whole.split(MARK).length, 2)
        if (!name.startsWith('base64')) {
          assert.equal(whole, carry(Buffer.from(MARK)).toString('latin1'))
        }
        for (let cut = 1; cut < bytes.length; cut++) {
          assert.equal(scrub(matcher, bytes.subarray(0, cut), bytes.subarray(cut)), whole, `split at ${cut}`)
        }
        assert.equal(scrub(matcher, ...Array.from(bytes, (byte) => Buffer.of(byte))), whole, 'byte by byte')
      })
    }

    test(`${name} in a header, a status text, a trailer`, async () => {
      const value = `said ${encode(SECRET).toString('latin1')} twice`
      const out = matcher.text(value)
      await assertNoTaint(Buffer.from(out, 'latin1'), 'header')
      assert.match(out, /^said \S{0,3}\[redacted:crd_1\]\S{0,5} twice$/)
    })
  }
})

describe('secretMatcher(), beyond the list', () => {
  const secret = 'pk_7Ze"4/\\u\n+a b=Q'
  const table: readonly [string, string][] = [
    ['JSON', JSON.stringify(secret).slice(1, -1)],
    ['JSON in JSON', JSON.stringify(JSON.stringify(secret)).slice(3, -3)],
    ['JSON with escaped slashes', JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/')],
    ['form encoding', new URLSearchParams({ '': secret }).toString().slice(1)],
    ['URI component', encodeURIComponent(secret)],
    ['URI component, twice', encodeURIComponent(encodeURIComponent(secret))],
    ['percent, every byte, twice', everyByte(everyByte(secret, percent), percent)],
    ['\\x', everyByte(secret, (code) => `\\x${code.toString(16).padStart(2, '0')}`)],
    ['entities with zeros', everyByte(secret, (code) => `&#000${code};`)],
    ['entities without semicolons', everyByte(secret, (code) => `&#${code}`)],
    ['hex entities in upper case', everyByte(secret, (code) => `&#X00${code.toString(16).toUpperCase()};`)],
    ['entities in JSON', everyByte(secret, (code) => `\\u0026#${code};`)],
    ['CR LF', secret.replace('\n', '\r\n')],
    ['base64 in lines', lines(Buffer.from(`xx${secret}yy`).toString('base64'), 7, '\r\n')],
    ['base64 in lines, in JSON', lines(Buffer.from(`x${secret}yy`).toString('base64'), 6, '\\n')],
    ['base64 in JSON with escaped slashes', Buffer.from(`${secret}`).toString('base64').replaceAll('/', '\\/')],
    ['base64 in a query', encodeURIComponent(Buffer.from(secret).toString('base64'))],
    ['Basic', Buffer.from(`user:${secret}`).toString('base64')],
  ]
  for (const [name, text] of table) {
    test(name, () => assert.match(scrubText(secret, `(${text})`), /^\([^[]{0,7}\[redacted:crd_1\]\s?\w?\s*.{0,4}\)$/s))
  }

  test('named HTML entities', () => {
    const escaped = 'a1&lt;b2&gt;c3&amp;d4&quot;e5&apos;f6'
    assert.equal(scrubText('a1<b2>c3&d4"e5\'f6', `<p>${escaped}</p>`), `<p>${MARK}</p>`)
  })

  test('characters beyond ASCII, as bytes and as characters', () => {
    const key = 'clé-日本-😀-key'
    const units = [...key].map((c) =>
      [...c.split('')].map((u) => `\\u${u.charCodeAt(0).toString(16).padStart(4, '0')}`),
    )
    for (const text of [
      key,
      encodeURIComponent(key),
      units.flat().join(''),
      [...key].map((c) => `&#${c.codePointAt(0)};`).join(''),
      [...key].map((c) => `&#x${c.codePointAt(0)!.toString(16)};`).join(''),
      'cl\\xe9-%E6%97%A5\\u672c-&#128512;-key',
    ]) {
      assert.equal(scrubText(key, `<${text}>`), `<${MARK}>`, text)
    }
    const wide = secretMatcher([{ secret: Buffer.from(key) }], MARK)
    assert.equal(scrub(wide, Buffer.from(key, 'utf16le')), MARK)
    assert.equal(wide.text(`x ${key} y`), `x ${MARK} y`)
    assert.equal(wide.text(`x ${Buffer.from(key).toString('latin1')} y`), `x ${MARK} y`)
  })
})

describe('secretMatcher(), what is removed', () => {
  test('each of two adjacent occurrences, and all of two that overlap', () => {
    assert.equal(scrubText('abcdabc1', 'abcdabc1abcdabc1'), MARK + MARK)
    assert.equal(scrubText('abcdabcd', '<abcdabcdabcd>'), `<${MARK}>`)
    assert.equal(scrubText('aaaa', 'b aaaaaaa b'), `b ${MARK} b`)
  })

  test('several secrets, the one that begins first giving its name to what overlaps', () => {
    const both = secretMatcher(
      [{ secret: Buffer.from('first-second') }, { secret: Buffer.from('second-third'), replacement: '[two]' }],
      '[one]',
    )
    assert.equal(both.text('a first-second b second-third c first-second-third d'), 'a [one] b [two] c [one] d')
  })

  test('a secret within a secret, whole', () => {
    const patterns = ['outer-inner', 'inner', 'outer-inner-more'].map((text, i) => ({
      secret: Buffer.from(text),
      replacement: `[${i}]`,
    }))
    for (const order of [patterns, patterns.toReversed()]) {
      const nested = secretMatcher(order, MARK)
      assert.equal(nested.text('a outer-inner b inner c'), 'a [0] b [1] c')
      assert.equal(nested.text('a outer-inner-more b'), 'a [0] b')
    }
  })

  test('any bytes, and no others', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => (i * 167 + 13) & 0xff))
    const any = secretMatcher([{ secret: bytes }], MARK)
    assert.equal(scrub(any, bytes), MARK)
    for (let place = 0; place < 256; place += 15) {
      for (let byte = 0; byte < 256; byte++) {
        const other = Buffer.from(bytes)
        other[place] = byte
        assert.equal(scrub(any, other), byte === bytes[place] ? MARK : other.toString('latin1'))
      }
    }
  })

  test('nothing of a clean body, which is passed on uncopied', () => {
    const stream = matcher.stream()
    const chunk = Buffer.from('{"data":[1,2,3],"path":"/usr/lib","text":"100% \\u00e9"}\n\n')
    assert.equal(stream.push(chunk), chunk)
    assert.equal(stream.held, 0)
    assert.equal(stream.hits, 0)
    const text = 'max-age=0, private, must-revalidate'
    assert.equal(matcher.text(text), text)
  })

  test('only what may begin a match is held, and comes out when it is none', () => {
    const stream = matcher.stream()
    assert.equal(stream.push(Buffer.from('abc sk-liv')).toString(), 'abc ')
    assert.equal(stream.held, 6)
    assert.equal(stream.push(Buffer.from('ing\n\n')).toString(), 'sk-living\n\n')
    assert.equal(stream.push(Buffer.from('x s')).toString(), 'x ')
    assert.equal(stream.flush().toString(), 's')
    assert.equal(stream.hits, 0)
  })

  test('counts the replacements', () => {
    const stream = matcher.stream()
    stream.push(Buffer.concat([latin1, Buffer.from('\n'), latin1]))
    stream.flush()
    assert.equal(stream.hits, 2)
  })

  test('nothing where there is no secret worth the name', () => {
    for (const patterns of [[], [{ secret: Buffer.alloc(0) }], [{ secret: Buffer.from('abc') }]]) {
      const none = secretMatcher(patterns, MARK)
      assert.equal(none.text('abc abc abc'), 'abc abc abc')
      assert.equal(scrub(none, Buffer.from('abc abc')), 'abc abc')
    }
  })
})

function percent(code: number): string {
  return `%${code.toString(16).padStart(2, '0').toUpperCase()}`
}

function everyByte(text: string, write: (code: number) => string): string {
  return Array.from(Buffer.from(text, 'latin1'), write).join('')
}

function lines(text: string, width: number, lineBreak: string): string {
  return text.match(new RegExp(`.{1,${width}}`, 'g'))!.join(lineBreak)
}
