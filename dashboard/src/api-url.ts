/** The address of something of the API. It stands beside the page, wherever both are served. */
export function apiUrl(path: string): string {
  return new URL(`../v1/${path}`, document.baseURI).href;
}
