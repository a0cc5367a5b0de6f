import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { boundOf, takeBoundToken } from './bound-caller.ts'

describe('takeBoundToken()', () => {
  const urls: readonly (readonly [url: string, rest: string, token: string | undefined])[] = [
    ['/a/clv_ak_x/vault.call', '/vault.call', 'clv_ak_x'],
    ['/a/clv_ak_x/to/u/a%2Fb?q=/a/b', '/to/u/a%2Fb?q=/a/b', 'clv_ak_x'],
    ['/a/clv_ak_x', '/', 'clv_ak_x'],
    ['/a/clv_ak_x?q=1', '/?q=1', 'clv_ak_x'],
    ['/a/clv_ak_x//x', '//x', 'clv_ak_x'],
    ['/a/x/a/y/z', '/a/y/z', 'x'],
    ['/a/', '/a/', undefined],
    ['/a//x', '/a//x', undefined],
    ['/a?x', '/a?x', undefined],
    ['/to/a/clv_ak_x/', '/to/a/clv_ak_x/', undefined],
  ]
  for (const [url, rest, token] of urls) {
    test(`of ${url} leaves ${rest}`, () => {
      const request = Object.assign(new IncomingMessage(new Socket()), { url })
      takeBoundToken(request)
      assert.deepEqual([request.url, boundOf(request)?.token], [rest, token])
    })
  }
})
