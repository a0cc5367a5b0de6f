import type { Preset } from './preset.ts'

/** The built-in demo upstream. Whoever starts it puts its port in the place of this origin. */
export const demo: Preset = {
  name: 'demo',
  title: 'Built-in demo service',
  docs: 'README.md',
  settings: {
    origins: ['http://127.0.0.1:4318'],
    addresses: ['127.0.0.1'],
    injection: { kind: 'bearer' },
  },
  actions: [
    ['hello.get', 'GET', '/hello', 'hello:read'],
    ['echo.create', 'POST', '/echo', 'echo:write'],
    ['notes.list', 'GET', '/notes', 'notes:read'],
    ['notes.create', 'POST', '/notes', 'notes:write'],
    ['notes.delete', 'DELETE', '/notes/{id}', 'notes:delete', 'high'],
  ],
}
