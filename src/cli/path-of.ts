/** Below /claviger/v1, each part of the path as it is. */
export function pathOf(...parts: readonly (string | undefined)[]): string {
  return parts.map((part) => `/${encodeURIComponent(part ?? '')}`).join('')
}
