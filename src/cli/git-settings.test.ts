import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gitSettings } from './git-settings.ts'

const place = {
  gateway: 'http://127.0.0.1:4317',
  origins: ['https://github.com', 'https://git.example:8443', 'https://*.example.com'],
  ca: '/run/ca.pem',
  helper: ['/opt/it is/node', "it's.js", 'git-credential'],
}

describe('gitSettings()', () => {
  test('says each setting once, and how many there are', () => {
    const { GIT_CONFIG_COUNT, ...rest } = gitSettings({}, place)
    assert.equal(Object.keys(rest).length, 2 * Number(GIT_CONFIG_COUNT))
    const settings = Array.from({ length: Number(GIT_CONFIG_COUNT) }, (_, at) => [
      rest[`GIT_CONFIG_KEY_${at}`],
      rest[`GIT_CONFIG_VALUE_${at}`],
    ])
    assert.deepEqual(settings, [
      ['http.proxyAuthMethod', 'basic'],
      ['http.sslCAInfo', '/run/ca.pem'],
      ['credential.helper', ''],
      ['credential.http://127.0.0.1:4317.helper', "!'/opt/it is/node' 'it'\\''s.js' 'git-credential'"],
      ['url.https://github.com/.insteadOf', 'git@github.com:'],
      ['url.https://github.com/.insteadOf', 'ssh://git@github.com/'],
      ['url.https://git.example:8443/.insteadOf', 'git@git.example:'],
      ['url.https://git.example:8443/.insteadOf', 'ssh://git@git.example/'],
    ])
  })

  test('goes on after settings that are there', () => {
    const env = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'user.name', GIT_CONFIG_VALUE_0: 'A' }
    const added = gitSettings(env, place)
    assert.equal(added.GIT_CONFIG_COUNT, '9')
    assert.equal(added.GIT_CONFIG_KEY_0, undefined)
    assert.equal(added.GIT_CONFIG_KEY_1, 'http.proxyAuthMethod')
  })
})
