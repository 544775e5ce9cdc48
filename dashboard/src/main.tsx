import { render } from 'preact';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/frame.css';
import './styles/overview.css';
import './styles/sagas.css';
import { startClock } from './clock.ts';
import { followServer } from './live-feed.ts';
import { Page } from './page.tsx';
import { followAddress } from './route.ts';

const place = document.getElementById('page');
if (place !== null) {
  followAddress();
  startClock();
  followServer();
  render(<Page />, place);
}
