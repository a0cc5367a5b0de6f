import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { showCall } from '../shown.support.ts'
import type { ShownBody } from '../shown.ts'
import { sha256 } from './decode-body.ts'

const bodyOf = (body: Buffer | string, type: string, encoding?: string): { shown: ShownBody; warnings: string } => {
  const headers = [
    ['content-type', type] as const,
    ...(encoding === undefined ? [] : [['content-encoding', encoding] as const]),
  ]
  const { body: shown, warnings } = showCall(body, type, { headers })
  return { shown: shown!, warnings: warnings.join('\n') }
}
const linesOf = (shown: ShownBody): readonly string[] => ('lines' in shown ? shown.lines : [])

describe('a JSON body', () => {
  test('is shown member by member, numbers as they are written', () => {
    const { shown, warnings } = bodyOf('{"b":1.50,"a":[1e2,{}, []],"t":"\\u0064elete \\"x\\""}', 'application/json')
    assert.equal(shown.kind, 'json')
    const wanted = [
      '{',
      '  "b": 1.50,',
      '  "a": [',
      '    1e2,',
      '    {},',
      '    []',
      '  ],',
      '  "t": "delete \\"x\\""',
      '}',
    ]
    assert.deepEqual(linesOf(shown), wanted)
    assert.equal(warnings, '')
  })

  for (const [what, json, warning] of [
    ['a name twice', '{"to":"a","to":"b"}', /a name occurs twice at character/],
    ['a number that is too long', '{"id":12345678901234567890}', /a number that a double cannot hold/],
    ['half of a pair', '{"a":"\\ud800"}', /half of a surrogate pair/],
    ['a depth of 65', `${'['.repeat(66)}${']'.repeat(66)}`, /nested deeper/],
  ] as const) {
    test(`is shown with ${what}, and that is said`, () => {
      const { shown, warnings } = bodyOf(json, 'application/json')
      assert.equal(shown.kind, 'json')
      assert.match(warnings, warning)
    })
  }

  test('hides members named like credentials alone, and the items of their lists', () => {
    const { shown } = bodyOf('{"token":["a",["b"],{"c":"d"}],"e":["f"],"pin":1,"secret":42}', 'application/json')
    const drawn = linesOf(shown).join('')
    for (const letter of ['"a"', '"b"', '42']) assert.ok(!drawn.includes(letter), drawn)
    for (const letter of ['"d"', '"f"', '"pin": 1']) assert.ok(drawn.includes(letter), drawn)
  })

  test('keeps both members of one name and all digits', () => {
    const { shown } = bodyOf('{"to":"a","to":12345678901234567890}', 'application/json')
    assert.deepEqual(linesOf(shown), ['{', '  "to": "a",', '  "to": 12345678901234567890', '}'])
  })

  test('is found under another content type', () => {
    for (const type of ['text/plain', '', 'application/octet-stream', 'application/ld+json']) {
      assert.equal(bodyOf('{"a":1}', type).shown.kind, 'json', type)
    }
  })

  test('that is none is shown as text', () => {
    const { shown, warnings } = bodyOf('{"a":', 'application/json')
    assert.equal(shown.kind, 'text')
    assert.match(warnings, /is not valid JSON/)
  })

  test('does not let a long string push out what follows, and says what it cut', () => {
    const { shown, warnings } = bodyOf(JSON.stringify({ a: 'x'.repeat(50_000), to: 'eve' }), 'application/json')
    assert.ok(linesOf(shown).includes('  "to": "eve"'))
    assert.match(linesOf(shown)[1]!, /x"… 48,000 more characters,$/)
    assert.match(warnings, /Not all of the body/)
  })

  test('shows what stands for itself in strings, and no string as two', () => {
    const { shown } = bodyOf(JSON.stringify({ a: 'b\u202e\n\t', c: '", "to": "eve' }), 'application/json')
    assert.deepEqual(linesOf(shown).slice(1, 3), ['  "a": "b⟨U+202E⟩\\n\\t",', '  "c": "\\", \\"to\\": \\"eve"'])
  })
})

describe('a form', () => {
  const type = 'application/x-www-form-urlencoded'
  test('is shown pair by pair', () => {
    const { shown, warnings } = bodyOf('a=1&b=x+y%20z&metadata%5Border%5D=%E2%80%AE7&c', type)
    assert.equal(shown.kind, 'form')
    const fields = shown.kind === 'form' ? shown.fields.map(({ name, value }) => [name, value]) : []
    assert.deepEqual(fields, [
      ['a', '1'],
      ['b', 'x y z'],
      ['metadata[order]', '⟨U+202E⟩7'],
      ['c', ''],
    ])
    assert.equal(warnings, '')
  })
  test('with a name twice is said to be so', () => assert.match(bodyOf('a=1&a=2', type).warnings, /a name twice/))
  test('with lists is not', () => assert.equal(bodyOf('a[]=1&a[]=2', type).warnings, ''))
  test('with broken escapes is shown as it is sent', () => {
    const { shown, warnings } = bodyOf('a=%ff%zz', type)
    assert.match(warnings, /not valid UTF-8/)
    assert.equal(shown.kind === 'form' && shown.fields[0]?.value, '%ff%zz')
  })
  test('says how many fields it leaves out', () => {
    const { shown } = bodyOf(Array.from({ length: 5_000 }, (_, at) => `f${at}=1`).join('&'), type)
    assert.equal(shown.cut, '… 4,700 more fields')
  })
})

describe('a multipart body', () => {
  const part = (head: string, content: string) => `--x\r\n${head}\r\n\r\n${content}\r\n`
  const type = 'multipart/form-data; boundary=x'
  test('made by fetch shows its fields and files', async () => {
    const form = new FormData()
    form.set('to', 'ann\u202e')
    form.set('file', new File([Buffer.from('%PDF-1.7 \0')], 'pay"roll\u202e.pdf', { type: 'application/pdf' }))
    form.set('note', new File(['hello\nworld'], 'n.txt', { type: 'text/plain' }))
    const response = new Response(form)
    const bytes = Buffer.from(await response.arrayBuffer())
    const { shown, warnings } = bodyOf(bytes, response.headers.get('content-type')!)
    assert.equal(warnings, '')
    const parts = shown.kind === 'multipart' ? shown.parts : []
    assert.deepEqual(parts[0], {
      name: 'to',
      bytes: 6,
      sha256: sha256(Buffer.from('ann\u202e')),
      lines: ['ann⟨U+202E⟩'],
    })
    assert.equal(parts[1]?.contentType, 'application/pdf')
    assert.match(parts[1]?.fileName ?? '', /^pay%22roll⟨U\+202E⟩\.pdf$/)
    assert.equal(parts[1]?.sha256, sha256(Buffer.from('%PDF-1.7 \0')))
    assert.deepEqual(parts[2]?.lines, ['hello', 'world'])
  })

  test('shows every field of the head of a part, safe to draw, without what it would give away', () => {
    const key = ['ghp', 'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8'].join('_')
    const head = [
      'Content-Disposition: form-data; name=a; filename=a.txt; size=12',
      'Content-Type: text/plain',
      'X-Amz-Meta-Acl: public\u202e',
      `X-Api-Key: ${key}`,
      'Content-Type: application/pdf',
    ]
    const more = Array.from({ length: 30 }, (_, at) => `X-${at}: 1`)
    const { shown } = bodyOf(`${part([...head, ...more].join('\r\n'), '1')}--x--`, type)
    const [first] = shown.kind === 'multipart' ? shown.parts : []
    assert.deepEqual(first?.head?.slice(0, 4), [
      'content-disposition: form-data; name=a; filename=a.txt; size=12',
      'x-amz-meta-acl: public⟨U+202E⟩',
      `x-api-key: ⟨hidden: ${key.length} characters, ending in Q7r8⟩`,
      'content-type: application/pdf',
    ])
    assert.deepEqual([first?.head?.length, first?.cut], [20, '… 14 more fields of its head'])
    const plain = bodyOf(`${part('Content-Disposition: form-data; name="a"', '1')}--x--`, type).shown
    assert.equal(plain.kind === 'multipart' && plain.parts[0]?.head, undefined)
  })

  for (const [what, body, wanted] of [
    [
      'something before the first part',
      `preamble\r\n${part('Content-Disposition: form-data; name=a', '1')}--x--\r\n`,
      /Before the first part/,
    ],
    [
      'something after the last',
      `${part('Content-Disposition: form-data; name=a', '1')}--x--\r\nmore`,
      /After the last part/,
    ],
    ['no end', part('Content-Disposition: form-data; name=a', '1'), /no end/],
    ['a part without a head', '--x\r\nabc\r\n--x--\r\n', /no empty line/],
    ['a field of the head twice', `${part('A: 1\r\nA: 2', '1')}--x--`, /twice/],
    [
      'two parts of one name',
      `${part('Content-Disposition: form-data; name=a', '1')}${part('Content-Disposition: form-data; name=a', '2')}--x--`,
      /^$/,
    ],
  ] as const) {
    test(`says that it has ${what}`, () => {
      const { shown, warnings } = bodyOf(body, type)
      assert.equal(shown.kind, 'multipart')
      assert.match(warnings, wanted)
    })
  }

  test('without a boundary is shown as text', () => {
    const { shown, warnings } = bodyOf('--x\r\n\r\na', 'multipart/form-data')
    assert.equal(shown.kind, 'text')
    assert.match(warnings, /names no boundary/)
  })
})

describe('content codings', () => {
  const json = Buffer.from('{"a":"b"}')
  for (const [coding, coded] of [
    ['gzip', gzipSync(json)],
    ['x-gzip', gzipSync(json)],
    ['deflate', deflateSync(json)],
    ['deflate', deflateRawSync(json)],
    ['br', brotliCompressSync(json)],
    ['zstd', zstdCompressSync(json)],
    ['gzip, br', brotliCompressSync(gzipSync(json))],
  ] as const) {
    test(`${coding} is taken off`, () => {
      const { shown, warnings } = bodyOf(coded, 'application/json', coding)
      assert.deepEqual(linesOf(shown), ['{', '  "a": "b"', '}'])
      assert.deepEqual(shown.decoded, { from: coding, bytes: json.length })
      assert.equal(shown.sha256, sha256(coded))
      assert.equal(warnings, '')
    })
  }

  for (const [what, coding, body, warning] of [
    ['one that is not known', 'rot13', json, /not known here/],
    ['three', 'gzip, gzip, gzip', json, /not known here/],
    ['one that is not so', 'gzip', json, /says gzip and is not/],
    ['one that swells', 'gzip', gzipSync(Buffer.alloc(64 * 1024 ** 2)), /grows to more than/],
  ] as const) {
    test(`${what} is said, and the bytes are shown`, () => {
      const { shown, warnings } = bodyOf(body, 'application/json', coding)
      assert.equal(shown.kind, 'binary')
      assert.match(warnings, warning)
    })
  }
})

describe('text and bytes', () => {
  test('of another charset are read by it', () => {
    assert.deepEqual(linesOf(bodyOf(Buffer.from([0x47, 0xfc]), 'text/plain; charset=iso-8859-1').shown), ['Gü'])
    assert.deepEqual(linesOf(bodyOf(Buffer.from('hé', 'utf16le'), 'text/plain; charset=utf-16le').shown), ['hé'])
  })
  test('of no known charset are said to be so', () => {
    assert.match(bodyOf('a', 'text/plain; charset=klingon').warnings, /klingon is not known/)
  })
  test('that are not valid are said to be so', () => {
    const { shown, warnings } = bodyOf(Buffer.from('a long enough text \xff', 'latin1'), 'text/plain')
    assert.equal(shown.kind, 'text')
    assert.match(warnings, /not valid utf-8/)
  })
  test('that are no text are shown by what they begin as, whatever the content type says', () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
    for (const type of ['image/png', 'application/json', 'text/plain']) {
      const { shown } = bodyOf(png, type)
      assert.equal(shown.kind === 'binary' && shown.type, 'PNG picture')
      assert.equal(shown.sha256, sha256(png))
    }
  })
  test('say when the content type can be read in two ways', () => {
    assert.match(bodyOf('a', 'multipart/form-data; boundary=x; boundary=y').warnings, /more than one way/)
  })
})
