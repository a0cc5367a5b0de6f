/** As the gateway gives them. */
export interface GivenPlaceholder {
  readonly variables: readonly string[]
  readonly placeholder: string
}

/** Variables for an environment or a file. */
export function placeholderVariables(given: readonly GivenPlaceholder[]): Record<string, string> {
  return Object.fromEntries(given.flatMap(({ variables, placeholder }) => variables.map((name) => [name, placeholder])))
}
