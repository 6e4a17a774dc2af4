"""Vietnamese sentences of the ways in: init, models, starting from a run, progress, trackers, push."""

SENTENCES: dict[str, str] = {
    # cli/_config.py
    "source_missing": "huấn luyện trên dữ liệu nào? Hãy đưa tệp ví dụ, chẳng hạn: fewtune train reviews.csv --model minilm; "
    "hoặc một tệp run.yaml, hoặc lần chạy làm điểm xuất phát bằng --from",
    # cli/init.py
    "init_suffix": "{path}: tệp tùy chọn phải có đuôi .yaml hoặc .yml, nếu không `fewtune train` sẽ coi nó là dữ liệu; ví dụ --out run.yaml",
    "init_exists": "{path}: đã tồn tại và được giữ nguyên; hãy chọn tên khác bằng --out, hoặc xóa tệp này",
    "init_unwritable": "{path}: không ghi được ({reason}); hãy chọn tệp khác bằng --out",
    "init_written": "Đã ghi {path}. Hãy xem qua, sửa những gì bạn muốn, rồi chạy: fewtune train {path}",
    "init_head": "Các tùy chọn của một lần chạy fewtune. Bắt đầu bằng: fewtune train {out}. Dòng bắt đầu bằng # mà không có dấu cách là một tùy chọn cùng giá trị mặc định: bỏ dấu # để thay đổi. "
    "Trên dòng lệnh cũng dùng các tên này: fewtune train {out} train.epochs=5",
    "init_data": "Tìm thấy trong {path}: {rows:,} hàng, {labels:,} nhãn: {examples}",
    "init_data_numbers": "Tìm thấy trong {path}: {rows:,} hàng, mỗi hàng một số",
    "init_models": "Các mô hình khác và những điều cần biết: fewtune models",
    "init_methods": "Các phương pháp khác cùng tùy chọn: fewtune methods",
    "init_tasks": "Các bài toán khác cùng tùy chọn: fewtune tasks",
    "model_loses_diacritics": "{name} không giữ dấu tiếng Việt (má, mà và mã với nó là một từ), mà các văn bản này có dấu; "
    "các mô hình giữ dấu: fewtune models --lang vi",
    # cli/models.py
    "models_model": "mô hình",
    "models_kind": "kiểu",
    "models_size": "tham số",
    "models_languages": "ngôn ngữ",
    "models_licence": "giấy phép",
    "models_weights": "trọng số",
    "models_diacritics": "dấu",
    "models_segmented": "tách từ",
    "models_legend": "dấu: bộ tách từ của mô hình có phân biệt được các từ tiếng Việt chỉ khác nhau ở dấu hay không (kept: giữ, lost: mất). tách từ: các từ có phải "
    "được nối trước hay không (sinh_viên). Các thông tin được đọc từ trang của mô hình vào {first} đến {last}; điều gì chưa kiểm tra được thì ghi unchecked. "
    "Tiếp theo: fewtune train DATA --model TÊN",
    "models_tasks": "{kind}: phù hợp với {tasks}",
    "models_no_language": "không mô hình nào trong bảng ghi ngôn ngữ '{given}' (tất cả: fewtune models); {hint}",
    "models_no_task": "không mô hình nào trong bảng dành cho bài toán '{given}' (tất cả: fewtune models); {hint}",
    "models_none": "không mô hình nào trong bảng vừa có ngôn ngữ '{code}' vừa dành cho bài toán '{task}'; hãy bỏ bớt một điều kiện: fewtune models --lang {code}",
    # show/
    "progress_evaluation": "epoch {epoch:g}: mất mát {train:.3f} khi huấn luyện, {validation:.3f} khi thẩm định; {scores}",
    "progress_best": "tốt nhất",
    "progress_epoch": "epoch thứ {epoch}",
    "progress_left": "còn",
    "progress_step": "epoch {epoch}: bước {step:,} trên {steps:,}, mất mát {loss:.3f}; đã chạy {passed}, còn khoảng {left}",
    # track/
    "track_missing": "track: {name} cần gói {package} nhưng gói này chưa được cài; hãy chạy: pip install 'fewtune[track]' (hoặc: pip install {package})",
    "track_failed": "trình theo dõi {name} gặp lỗi ({reason}). Lần chạy vẫn tiếp tục mà không có nó; mọi thứ vẫn nằm trong thư mục của lần chạy",
    # save/hub.py, cli/push.py
    "push_no_card": "{folder}: không có card.md, tệp sẽ thành README của kho; hãy tạo bằng: fewtune report {folder}",
    "push_no_licence": "{card}: không ghi giấy phép nên không được công bố; hãy viết `license: …` giữa hai dòng --- ở đầu tệp, hoặc tải lên kho riêng tư "
    "(bỏ --public)",
    "push_licence": "{card}: ghi license: {given}, nhưng mô hình gốc {base} theo giấy phép {licence}, có thể không cho phép như vậy; hãy đọc giấy phép đó, viết "
    "`license: {licence}` vào thẻ nếu đúng, hoặc tải lên kho riêng tư (bỏ --public)",
    "push_name": "{repo}: Hub không nhận tên này ({reason}); hãy viết dạng người_dùng/tên",
    "push_is_public": "{repo}: mọi người đều xem được kho này, trong khi bạn muốn tải lên riêng tư; hãy chọn tên khác, hoặc thêm --public",
    "push_no_token": "chưa đăng nhập Hub; hãy chạy: hf auth login (với token có quyền ghi)",
    "push_token_refused": "{endpoint} không chấp nhận token của bạn; hãy đăng nhập lại: hf auth login (với token có quyền ghi)",
    "push_forbidden": "{repo}: token của bạn không được ghi ở đó; hãy dùng token có quyền ghi (hf auth login), hoặc một kho của chính bạn",
    "push_offline": "đang ở chế độ ngoại tuyến (HF_HUB_OFFLINE) nên không tải lên được gì; hãy tắt chế độ này rồi gọi lại",
    "push_unreachable": "không kết nối được với {endpoint} ({reason}); hãy nối mạng rồi gọi lại",
    "push_failed": "{repo}: Hub từ chối ({reason}); không có gì bị tải lên dở dang, hãy gọi lại",
    "push_to": "Tới {url} ({new}, {seen}):",
    "push_new": "kho mới",
    "push_there": "kho đã có, các tệp cùng tên sẽ bị thay thế",
    "push_private": "riêng tư",
    "push_public": "công khai, mọi người đều xem được",
    "push_sum": "{files} tệp, {size}. Không tải lên: dự đoán, văn bản huấn luyện, tùy chọn, điểm lưu.",
    "push_report_quotes": "report.html có trích văn bản của các hàng kiểm tra",
    "push_local_base": "adapter được huấn luyện trên một thư mục của máy này, {base}, có ghi trong cấu hình; không có mô hình đó thì không ai dùng được",
    "push_ask": "Tải lên?",
    "push_left": "Chưa tải lên gì cả.",
    "push_unasked": "ở đây không hỏi được bạn có muốn tải lên hay không; nếu tất cả đều đúng, hãy thêm --yes: fewtune push {run} {repo} --yes",
    "push_done": "Đã tải lên {url}",
    # check/segmentation.py
    "not_segmented": "{model} đã học các từ tiếng Việt nối bằng gạch dưới (sinh_viên), nhưng chỉ {joined:,} trên {of:,} văn bản có từ như vậy; hãy tách từ "
    "trước (VnCoreNLP, underthesea, pyvi), cả với văn bản sẽ dự đoán, hoặc chọn mô hình khác: fewtune models --lang vi",
    # model/find.py
    "model_near": "Có phải bạn muốn dùng --model {near}?",
    "model_list": "Các mô hình quen thuộc: fewtune models",
}
