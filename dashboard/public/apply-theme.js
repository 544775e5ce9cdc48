/** Runs before the first paint, so that a chosen theme does not flash; the page itself changes it later. */
{
  const chosen = localStorage.getItem('millrace.theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
}
