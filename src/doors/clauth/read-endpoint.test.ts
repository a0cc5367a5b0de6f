import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readEndpoint } from './read-endpoint.ts'

const read = (text: string) => {
  const at = readEndpoint(text)
  return at && [at.protocol, at.host, at.origin.href, at.path]
}

describe('readEndpoint()', () => {
  const api = ['https:', 'api.example.com', 'https://api.example.com:443']
  const unread = ['(unreadable)', '/']
  const table: [text: string, wanted: string[] | undefined][] = [
    ['https://api.example.com/a/b?x=1#part', [...api, '/a/b?x=1']],
    ['https://api.example.com', [...api, '/']],
    ['https://api.example.com?x=/y', [...api, '/?x=/y']],
    ['https://api.example.com#x/y', [...api, '/']],
    ['https://api.example.com//a/../%2e/b', [...api, '//a/../%2e/b']],
    ['https://api.example.com/größe x', [...api, '/gr%C3%B6%C3%9Fe%20x']],
    ['HTTPS://API.example.com/a', [...api, '/a']],
    ['http://127.0.0.1:81/a?b', ['http:', '127.0.0.1', 'http://127.0.0.1:81', '/a?b']],
    ['https://api.example.com\\@evil.example/a', [...api.slice(0, 2), ...unread]],
    ['https://api.example.com@evil.example/a', ['https:', 'evil.example', ...unread]],
    ['https://api.example.com:x/a', undefined],
    ['https:///a', ['https:', 'a', ...unread]],
    ['ftp://api.example.com/a', ['ftp:', 'api.example.com', ...unread]],
    ['/a', undefined],
    ['', undefined],
    ['https://', undefined],
  ]

  test('splits an address and leaves its path as it was written, the second time as the first', () => {
    for (const time of [1, 2])
      for (const [text, wanted] of table) assert.deepEqual(read(text), wanted, `${text} ${time}`)
  })

  test('keeps no more than so many, and reads on', () => {
    for (let i = 0; i < 3_000; i++) {
      assert.deepEqual(read(`https://h${i}.example.com/x`)?.[1], `h${i}.example.com`)
    }
    assert.deepEqual(read('https://h0.example.com/y'), ['https:', 'h0.example.com', 'https://h0.example.com:443', '/y'])
  })
})
