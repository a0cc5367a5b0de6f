import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { eventCatalogue, eventTypes, severityOf, suspicions } from './event-catalogue.ts'

const guide = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'guides', 'webhooks.md'), 'utf8')
const table = (heading: string) => {
  const [, rest = ''] = guide.split(`## ${heading}\n`)
  const [section = ''] = rest.split('\n## ')
  return section.split('\n').filter((line) => line.startsWith('| `'))
}

describe('the guide to webhooks', () => {
  test('lists every event, as the catalogue says it', () => {
    const lines = eventTypes.map((type) => {
      const { severity, when, data } = eventCatalogue[type]
      return `| \`${type}\` | ${severity} | ${when} | ${data.map((name) => `\`${name}\``).join(' ')} |`
    })
    assert.deepEqual(table('Events'), lines)
  })

  test('lists every kind of suspicious activity', () => {
    const lines = Object.entries(suspicions).map(
      ([type, { severity, when }]) => `| \`${type}\` | ${severity} | ${when} |`,
    )
    assert.deepEqual(table('Suspicious activity'), lines)
  })
})

describe('severityOf()', () => {
  test('is the catalogue’s, and for suspicions that of their type', () => {
    assert.equal(severityOf('agent.registered', {}), 'info')
    assert.equal(severityOf('security.suspicious_activity', { type: 'refresh_reuse' }), 'critical')
    assert.equal(severityOf('security.suspicious_activity', { type: 'something new' }), 'warning')
  })
})
