// Compares a service template with an OpenAPI description of its provider, by hand, when templates are reviewed:
//   node scripts/compare-template.ts src/services/templates/github.json api.github.com.json [prefix]
// Names the actions whose method and path the description has, and those that it has not. `prefix` stands before its paths.
import { readFileSync } from 'node:fs'
import { argv, stdout } from 'node:process'

interface Template {
  readonly actions: Readonly<
    Record<string, { readonly method: string; readonly path: string; readonly unverified?: true }>
  >
}
interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

const [template, description, prefix = ''] = argv.slice(2)
if (template === undefined || description === undefined) {
  throw new Error('node scripts/compare-template.ts TEMPLATE.json OPENAPI.json [PREFIX]')
}
const { actions } = JSON.parse(readFileSync(template, 'utf8')) as Template
const { paths } = JSON.parse(readFileSync(description, 'utf8')) as Description

/** Paths whose variables have other names are the same path. */
const shape = (path: string) => path.replace(/\{[^}]*\}/g, '{}').replace(/(?<=.)\/$/, '')

const described = new Set(
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${shape(prefix + path)}`),
  ),
)
for (const [name, { method, path, unverified }] of Object.entries(actions)) {
  const said = described.has(`${method} ${shape(path)}`) ? 'described' : 'not described'
  stdout.write(`${said.padEnd(13)} ${unverified ? 'unverified' : 'checked   '} ${name}: ${method} ${path}\n`)
}
