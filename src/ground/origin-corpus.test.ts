import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { originMatches, parseOrigin } from './origin.ts'
import { Problem } from './problem.ts'

interface Case {
  readonly input: string
  readonly base?: string | null
}

const folder = new URL('../../test/corpora/wpt-url/', import.meta.url)
const load = (name: string): Case[] =>
  (JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as (Case | string)[]).filter(
    (one) => typeof one !== 'string',
  )

const urls = load('urltestdata.json')
const names = [...load('toascii.json'), ...load('IdnaTestV2.json')].map(({ input }) => input)
const setters = Object.values(JSON.parse(readFileSync(new URL('setters_tests.json', folder), 'utf8')) as object)
  .flat()
  .flatMap((one) => [one?.href, one?.new_value].filter((text) => typeof text === 'string'))

/** Every text of the corpora that somebody could mean as an origin. */
const texts = [
  ...urls.flatMap(({ input, base }) => [input, ...(typeof base === 'string' ? [base, base + input] : [])]),
  ...names.flatMap((name) => [name, `https://${name}`, `https://${name}/`, `https://${name}:8443`, `http://a@${name}`]),
  ...setters,
]

describe('the corpora of URLs and names as origins', () => {
  test('A-02: each is refused, or the host that is dialled is the host that was read', () => {
    assert.ok(urls.length === 891 && names.length === 87 + 2_671)
    let accepted = 0
    for (const text of texts) {
      let origin: ReturnType<typeof parseOrigin>
      try {
        origin = parseOrigin(text, { wildcard: true, anyPort: true })
      } catch (error) {
        if (error instanceof Problem && error.code === 'origin_invalid') continue
        throw error
      }
      accepted++
      const url = new URL(text)
      assert.equal(`${url.protocol}//${url.hostname}`, `${origin.scheme}://${origin.host}`, text)
      assert.equal(Number(url.port || (url.protocol === 'https:' ? 443 : 80)), origin.port, text)
      assert.ok(originMatches(origin, url.hostname, origin.port, origin.scheme), text)
      assert.match(origin.host, /^[\x21-\x7e]+$/, text)
    }
    assert.ok(accepted > 50, 'plain origins are accepted')
  })
})
