import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { AnyEndpoint } from './http/endpoint.ts'
import { openApiDocument } from './openapi.ts'

/** Files that say endpoints for others to export: the document's own, and the maker of those of a door. */
const makers = new Set(['openapi.ts', 'doors/clauth/read-endpoint.ts'])

describe('openApiDocument()', () => {
  test('has every endpoint that some file of the source says', async () => {
    const { paths } = openApiDocument() as { paths: Record<string, Record<string, unknown>> }
    const root = import.meta.dirname
    const files = globSync('**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts') && !makers.has(file))
    const missing: string[] = []
    let read = 0
    for (const file of files) {
      const said = [...readFileSync(join(root, file), 'utf8').matchAll(/ = endpoint\(\{/g)].length
      if (said === 0) continue
      const endpoints = Object.values(await import(join(root, file))).filter(isEndpoint)
      assert.ok(endpoints.length >= said, `${file} keeps an endpoint to itself: export it, so that it can be described`)
      read += endpoints.length
      const absent = endpoints.filter(({ method, path }) => paths[path]?.[method.toLowerCase()] === undefined)
      missing.push(...absent.map(({ method, path }) => `${method} ${path} of ${file}`))
    }
    assert.ok(read > 100, `${read} endpoints were read`)
    assert.deepEqual(missing, [], 'add their file to `modules` in openapi.ts')
  })
})

function isEndpoint(value: unknown): value is AnyEndpoint {
  return typeof value === 'object' && value !== null && 'caller' in value && 'path' in value && 'reply' in value
}
